// Verifies a token by the published keys, as jose's users do. Arguments: the server's URL, and a token.
import { createRemoteJWKSet, jwtVerify } from "jose";

const [url, token] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", url));
const { payload, protectedHeader } = await jwtVerify(token, keys);
const forged = token.slice(0, -4) + (token.endsWith("AAAA") ? "BBBB" : "AAAA");
const refused = await jwtVerify(forged, keys).then(() => "accepted", (error) => error.code);
console.log(JSON.stringify({ id: payload.id, algorithm: protectedHeader.alg, refused }));
