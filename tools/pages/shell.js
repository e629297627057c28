// Pages of one document: which one an address shows, and how links and keys go from one to another.

import { address, go, say } from "/assets/address.js";
import { make, trouble } from "/assets/elements.js";

const main = document.getElementById("main");

// What is shown in place of all pages.
export const refuse = (error) => main.replaceChildren(make("h1", null, "Webhooks"), trouble(error));

// `here` tells what the address asks for: a page, the keys of what it is about, a query; or why there is nothing.
export async function openPages(pages, title, here) {
  let leaving = new AbortController();

  async function show(event) {
    leaving.abort();
    leaving = new AbortController();
    const { signal } = leaving;
    const { page, keys, query, refused } = here();
    const heading = make("h1", { tabindex: "-1" });
    const name = (text) => {
      heading.textContent = text;
      document.title = `${text} · ${title}`;
    };
    const done = typeof event?.detail === "string" ? make("p", { class: "done", tabindex: "-1" }, event.detail) : null;
    say("");
    const found = refused || !Object.hasOwn(pages, page) ? null : pages[page];
    for (const link of document.querySelectorAll("#pages a")) {
      if (found && link.dataset.page === page) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    main.replaceChildren(heading, ...[done].filter(Boolean));
    main.setAttribute("aria-busy", "true");
    name(found?.name ?? "Not here");
    (done ?? heading).focus();
    try {
      if (!found) throw new Error(refused ?? "There is no such page.");
      const shown = keys.length && found.one ? found.one : found.show;
      await shown({ main, query, signal, name, keys });
    } catch (error) {
      if (error.name !== "AbortError") main.append(trouble(error));
    } finally {
      if (!signal.aborted) main.removeAttribute("aria-busy");
    }
  }

  document.getElementById("pages").append(...Object.entries(pages).filter(([, page]) => !page.hidden)
    .map(([page, { name }]) => make("a", { href: address(page), "data-page": page }, name)));
  document.addEventListener("click", follow);
  document.addEventListener("keydown", press);
  addEventListener("popstate", show);
  addEventListener("moved", show);
  await show();
}

function follow(event) {
  const link = event.target.closest("a[href^='/']");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const row = event.target.closest("tr");
  if (row && (event.key === "j" || event.key === "k")) {
    (event.key === "j" ? row.nextElementSibling : row.previousElementSibling)?.querySelector("a, button")?.focus();
  }
}
