/** The part of undici that is used: the whole takes three times as long to load. Its version is pinned. */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';

  export default Pool;
}
