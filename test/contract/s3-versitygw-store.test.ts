import { objectStoreContract } from './object-store-contract.ts';
import { makeVersitygw } from './store-fixture.ts';

objectStoreContract('s3 on versitygw', makeVersitygw);
