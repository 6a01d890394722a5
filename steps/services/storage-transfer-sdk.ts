// Loaded late. Of a CommonJS package that is loaded late itself, a bundle hands out nothing but its default export.
export { gaxios, GoogleAuth } from 'google-auth-library';
