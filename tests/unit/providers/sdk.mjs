// Calls the providers' own packages for npm: a JSON array of [name, ...arguments] on standard input, of results on
// standard output.
import { webcrypto } from "node:crypto";
import { sign, verify } from "@octokit/webhooks-methods";

// Node.js 18 has it only as a module, and Shopify's package looks for a global.
globalThis.crypto ??= webcrypto;
await import("@shopify/shopify-api/adapters/node");
const { LogSeverity, shopifyApi } = await import("@shopify/shopify-api");
const { HashFormat, createSHA256HMAC } = await import("@shopify/shopify-api/runtime");

const app = (secret) =>
  shopifyApi({
    apiKey: "key",
    apiSecretKey: secret,
    hostName: "app.example.com",
    apiVersion: "2025-07",
    isEmbeddedApp: false,
    isTesting: true,
    logger: { level: LogSeverity.Error },
  });

const calls = {
  "github.sign": (secret, body) => sign(secret, body),
  "github.verify": (secret, body, signature) => verify(secret, body, signature),
  "shopify.sign": (secret, body) => createSHA256HMAC(secret, body, HashFormat.Base64),
  "shopify.validate": (secret, rawBody, headers) =>
    app(secret).webhooks.validate({ rawBody, rawRequest: { method: "POST", url: "/", headers } }),
};

const input = await new Promise((resolve) => {
  const chunks = [];
  process.stdin.on("data", (chunk) => chunks.push(chunk));
  process.stdin.on("end", () => resolve(Buffer.concat(chunks).toString()));
});
const results = [];
for (const [name, ...args] of JSON.parse(input)) {
  results.push(await calls[name](...args));
}
process.stdout.write(JSON.stringify(results));
