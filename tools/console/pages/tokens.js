// Tokens of a tenant. A new one, and a link to the portal, is shown once and is in no address.

import { ask } from "/assets/api.js";
import { action } from "/assets/act.js";
import { once } from "/assets/once.js";
import { make, section, table, time, trouble } from "/assets/elements.js";
import { choice, text } from "/assets/list.js";

export async function tokensSection({ main, tenantId, signal }) {
  const path = ["operator", "tenants", tenantId];
  const place = make("div");
  const label = text("label", "Label", {}, { maxlength: 200 });
  const show = async () => place.replaceChildren(table("Tokens, the newest first", {
    label: (one) => one.label, access: (one) => one.access, made: (one) => time(one.createdAt), ends: (one) => time(one.expiresAt) || "never", revoked: (one) => time(one.revokedAt),
    token: (one) => [make("code", null, one.tokenId.slice(0, 16)), one.revokedAt ? "" : action(`Revoke ${one.label || one.tokenId.slice(0, 16)}`, [...path, "tokens", one.tokenId], { method: "DELETE", isTried: false, signal })],
  }, (await ask([...path, "tokens"], null, signal)).tokens));
  // What is shown once stays, whatever becomes of the list.
  const showAnew = () => show().catch((error) => error.name === "AbortError" || place.replaceChildren(trouble(error)));
  main.append(section("Tokens", make("div", { class: "demands" },
    action("Make a token", [...path, "tokens"], {
      fields: [label.cloneNode(true), choice("access", "Access", ["read", "publish"], {}, "full"), text("days", "Days, without end if empty", {}, { type: "number", min: 1, max: 3650 })],
      body: ({ label: said, access, days }) => ({ label: said, access: access || "full", ...(days && { expiresInDays: Number(days) }) }),
      isTried: false, policy: "token_policy_json", signal,
      done: async ({ token }, put) => {
        put(...once("The token", token));
        await showAnew();
      },
    }),
    action("Make a portal link", [...path, "portal-links"], {
      fields: [label, choice("access", "Access", ["portal-read"], {}, "portal"), text("minutes", "Minutes", { minutes: 60 }, { type: "number", min: 5, max: 1440, required: true })],
      body: ({ label: said, access, minutes }) => ({ label: said, access: access || "portal", expiresInMinutes: Number(minutes) }),
      isTried: false, policy: "portal_policy_json", signal,
      done: async ({ url, expiresAt }, put) => {
        put(...once("The link", url), " ", make("a", { href: url, target: "_blank", rel: "noreferrer" }, "Open"), make("p", null, "It ends at ", time(expiresAt), "."));
        await showAnew();
      },
    }),
    action("Revoke all portal links", [...path, "portal-links"], { method: "DELETE", isTried: false, signal })), place));
  await show();
}
