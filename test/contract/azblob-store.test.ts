import { objectStoreContract } from './object-store-contract.ts';
import { makeAzblob } from './store-fixture.ts';

objectStoreContract('azblob', () => makeAzblob());
