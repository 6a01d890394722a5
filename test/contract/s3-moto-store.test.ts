import { objectStoreContract } from './object-store-contract.ts';
import { makeMoto } from './store-fixture.ts';

objectStoreContract('s3 on moto', makeMoto);
