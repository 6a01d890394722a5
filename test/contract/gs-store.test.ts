import { objectStoreContract } from './object-store-contract.ts';
import { makeGs } from './store-fixture.ts';

objectStoreContract('gs', () => makeGs());
