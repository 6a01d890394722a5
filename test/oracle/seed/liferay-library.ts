// Which documents, previews, thumbnails and images a small Liferay has, and the key of each in its document library.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { randomFrom } from './random.ts';
import type { Random } from './random.ts';

export type Family = 'document' | 'preview' | 'thumbnail' | 'adaptive' | 'image';

interface LibraryObject {
  readonly key: string;
  readonly family: Family;
  readonly size: number;
}

interface DocumentVersion {
  readonly id: number;
  readonly label: string;
  readonly storeUuid: string;
  readonly size: number;
}

interface Document {
  readonly id: number;
  readonly companyId: number;
  readonly groupId: number;
  /** 0 = in no folder. */
  readonly folderId: number;
  readonly name: string;
  readonly title: string;
  readonly mimeType: string;
  readonly versions: readonly DocumentVersion[];
}

interface Portrait {
  readonly companyId: number;
  readonly imageId: number;
  readonly type: string;
  readonly size: number;
}

export interface Library {
  readonly documents: readonly Document[];
  readonly portraits: readonly Portrait[];
  readonly objects: readonly LibraryObject[];
}

export const companies = [20097, 35211] as const;
const groupsPerCompany = 4;

const groupOf = (companyId: number, number: number) => companyId + 24 + number * 113;
export const groups = (companyId: number) =>
  Array.from({ length: groupsPerCompany }, (_, number) => groupOf(companyId, number));

/** Folder or site, name, label: the key of a version of a document. */
function documentKey(document: Document, version: DocumentVersion): string {
  const segment = document.folderId === 0 ? document.groupId : document.folderId;
  const label = version.storeUuid === '' ? version.label : `${version.label}~${version.storeUuid}`;
  return `${document.companyId}/${segment}/${document.name}/${label}`;
}

/** 12345 -> 12/34/5 */
const divided = (id: number) => (String(id).match(/\d{1,2}/gu) ?? []).join('/');

const kinds = [
  { mimeType: 'application/pdf', extension: 'pdf', pages: 3, adaptive: false },
  { mimeType: 'image/jpeg', extension: 'jpg', pages: 0, adaptive: true },
  { mimeType: 'application/vnd.oasis.opendocument.text', extension: 'odt', pages: 2, adaptive: false },
  { mimeType: 'text/plain', extension: 'txt', pages: 0, adaptive: false },
] as const;

const titles = [
  'Quarterly report',
  'Übersicht',
  '契約書',
  "Owner's manual",
  'Tab\there',
  'Back\\slash',
  'Invoice "final"',
  'Photo',
];

function sizeOf(random: Random): number {
  if (random.chance(0.01)) return 0;
  return random.chance(0.002) ? random.between(400_000, 1_500_000) : random.between(80, 9_000);
}

function generatedObjects(
  document: Document,
  version: DocumentVersion,
  kind: (typeof kinds)[number],
  random: Random,
): LibraryObject[] {
  const system = `${document.companyId}/0`;
  const place = `${document.groupId}/${divided(document.id)}/${version.id}`;
  const size = () => random.between(200, 3_000);
  const pages = Array.from({ length: kind.pages }, (_, page): LibraryObject => {
    return { key: `${system}/document_preview/${place}/${page + 1}.png/1.0`, family: 'preview', size: size() };
  });
  const thumbnail: LibraryObject = {
    key: `${system}/document_thumbnail/${place}.png/1.0`,
    family: 'thumbnail',
    size: size(),
  };
  const configurations = kind.adaptive ? ['Preview-1000x0', 'Thumbnail-300x300'] : [];
  const adaptive = configurations.map((configuration): LibraryObject => {
    const owner = `${document.groupId}/${document.groupId}/${document.id}/${version.id}`;
    return { key: `${system}/adaptive/${configuration}/${owner}/1.0`, family: 'adaptive', size: size() };
  });
  return [...pages, thumbnail, ...adaptive];
}

function documentFrom(
  number: number,
  random: Random,
): { readonly document: Document; readonly objects: readonly LibraryObject[] } {
  const companyId = companies[random.chance(0.8) ? 0 : 1];
  const groupId = groupOf(companyId, random.between(0, groupsPerCompany - 1));
  const kind = kinds[random.between(0, kinds.length - 1)] ?? kinds[0];
  const id = 41_000 + number * 7;
  const versions = Array.from(
    { length: random.chance(0.25) ? random.between(2, 3) : 1 },
    (_, index): DocumentVersion => {
      const storeUuid = random.chance(0.5)
        ? `${random.hex(8)}-${random.hex(4)}-${random.hex(4)}-${random.hex(4)}-${random.hex(12)}`
        : '';
      return { id: id + 1 + index, label: `1.${index}`, storeUuid, size: sizeOf(random) };
    },
  );
  const document: Document = {
    id,
    companyId,
    groupId,
    name: String(101 + number),
    mimeType: kind.mimeType,
    versions,
    folderId: random.chance(0.6) ? groupId + 5_000 + random.between(1, 9) : 0,
    title: `${titles[random.between(0, titles.length - 1)]} ${number}.${kind.extension}`,
  };
  const objects = versions.flatMap((version, index): LibraryObject[] => {
    const own: LibraryObject = { key: documentKey(document, version), family: 'document', size: version.size };
    return index === versions.length - 1 ? [own, ...generatedObjects(document, version, kind, random)] : [own];
  });
  return { document, objects };
}

/** About one object in sixty is a portrait or logo, which lives beside the generated files and must survive every exclude rule. */
export function planLibrary(seed: number, files: number): Library {
  const random = randomFrom(seed);
  const portraits = Array.from({ length: Math.ceil(files / 60) }, (_, number): Portrait => {
    const companyId = companies[number % companies.length] ?? companies[0];
    return {
      companyId,
      imageId: 38_000 + number,
      type: number % 3 === 0 ? 'png' : 'jpg',
      size: random.between(500, 4_000),
    };
  });
  const objects: LibraryObject[] = portraits.map(({ companyId, imageId, type, size }) => {
    return { key: `${companyId}/0/${imageId}.${type}/1.0`, family: 'image', size };
  });
  const documents: Document[] = [];
  for (let number = 0; objects.length < files; number += 1) {
    const made = documentFrom(number, random);
    documents.push(made.document);
    objects.push(...made.objects);
  }
  return { documents, portraits, objects };
}

/** Contents are cut from one block of random bytes and begin with the key, so that no two objects are alike. */
export function writeLibrary(root: string, library: Library, seed: number): void {
  const block = randomFrom(seed + 1).bytes(2_000_000);
  const folders = new Set(library.objects.map(({ key }) => dirname(key)));
  // Synchronous on purpose: thousands of tiny writes are several times faster without a thread pool between them.
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  for (const [index, { key, size }] of library.objects.entries()) {
    const start = (index * 7919) % (block.length - 1_500_001);
    const content = Buffer.concat([Buffer.from(`${key}\n`), block.subarray(start, start + size)]).subarray(0, size);
    writeFileSync(join(root, key), content);
  }
}
