import { objectStoreContract } from './object-store-contract.ts';
import { makeFolder } from './store-fixture.ts';

objectStoreContract('file', makeFolder);
