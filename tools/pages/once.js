// What is shown once: it can be copied, and is in no address.

import { say } from "/assets/address.js";
import { make } from "/assets/elements.js";

export function once(what, secret) {
  const shown = make("code", { tabindex: "0", "aria-label": what }, secret);
  const copy = async () => {
    getSelection().selectAllChildren(shown);
    // A browser, or a page that embeds this one, may not let it write there.
    const isCopied = await navigator.clipboard.writeText(secret).then(() => true, () => false);
    say(isCopied ? "Copied" : "The browser does not copy it: it is selected");
  };
  return [make("p", null, `${what}. It is shown this once: `, shown), make("button", { type: "button", click: copy }, "Copy")];
}
