// Loaded late. Of a CommonJS package that is loaded late itself, a bundle hands out nothing but its default export.
export { GoogleAuth, JWT } from 'google-auth-library';
