// Which page an address shows, and what all pages share.

import { ask, takeToken } from "/assets/api.js";
import { make, trouble } from "/assets/elements.js";
import { auditPage } from "/assets/audit.js";
import { deliveriesPage, deliveryPage } from "/assets/deliveries.js";
import { endpointPage, endpointsPage } from "/assets/endpoints.js";
import { eventPage } from "/assets/event.js";
import { conflictsPage, deadLettersPage, eventsPage } from "/assets/events.js";
import { overviewPage } from "/assets/overview.js";
import { address, go, hasDelivery, say, setAbout } from "/assets/place.js";
import { providersPage } from "/assets/providers.js";
import { replayPage } from "/assets/replay.js";
import { searchPage } from "/assets/search.js";
import { tenantPage, tenantsPage } from "/assets/tenants.js";

const PAGES = {
  "": { name: "Overview", show: overviewPage },
  events: { name: "Events", show: eventsPage, one: eventPage },
  "dead-letters": { name: "Dead letters", show: deadLettersPage },
  conflicts: { name: "Conflicts", show: conflictsPage },
  replay: { name: "Replay", show: replayPage },
  providers: { name: "Providers", show: providersPage },
  tenants: { name: "Tenants", show: tenantsPage, one: tenantPage, isOfDelivery: true },
  endpoints: { name: "Endpoints", show: endpointsPage, one: endpointPage, isOfDelivery: true },
  deliveries: { name: "Deliveries", show: deliveriesPage, one: deliveryPage, isOfDelivery: true },
  audit: { name: "Audit log", show: auditPage },
  search: { name: "Search", show: searchPage, hidden: true },
};
const main = document.getElementById("main");
let about;
let leaving = new AbortController();

async function show(event) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [environment, page = "", ...rest] = location.pathname.slice(1).split("/").map(decodeURIComponent);
  if (!environment) {
    go(address(""), true);
    return;
  }
  const query = Object.fromEntries(new URLSearchParams(location.search));
  const heading = make("h1", { tabindex: "-1" });
  const name = (text) => {
    heading.textContent = text;
    document.title = `${text} · ${about.environment}`;
  };
  const done = typeof event?.detail === "string" ? make("p", { class: "done", tabindex: "-1" }, event.detail) : null;
  say("");
  const found = environment === about.environment ? PAGES[page] : null;
  for (const link of document.querySelectorAll("#pages a")) {
    if (found && link.dataset.page === page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.replaceChildren(heading, ...[done].filter(Boolean));
  main.setAttribute("aria-busy", "true");
  name(found?.name ?? "Not here");
  (done ?? heading).focus();
  try {
    if (environment !== about.environment) throw new Error(`This link is about ${environment}, and this console shows ${about.environment}.`);
    if (!found) throw new Error("There is no such page.");
    const shown = rest.length && found.one ? found.one : found.show;
    await shown({ main, query, signal, name, keys: rest });
  } catch (error) {
    if (error.name !== "AbortError") main.append(trouble(error));
  } finally {
    if (!signal.aborted) main.removeAttribute("aria-busy");
  }
}

function follow(event) {
  const link = event.target.closest("a[href^='/']");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("id").focus();
  }
  const row = event.target.closest("tr");
  if (row && (event.key === "j" || event.key === "k")) {
    (event.key === "j" ? row.nextElementSibling : row.previousElementSibling)?.querySelector("a, button")?.focus();
  }
}

async function start() {
  takeToken();
  try {
    about = await ask(["about"]);
    setAbout(about);
  } catch (error) {
    main.replaceChildren(make("h1", null, "Webhooks"), trouble(error));
    return;
  }
  document.getElementById("environment").append(make("strong", null, about.environment), ` ${about.isLocal ? "this machine" : about.region}`);
  document.getElementById("pages").append(...Object.entries(PAGES).filter(([, page]) => !page.hidden && (hasDelivery() || !page.isOfDelivery))
    .map(([page, { name }]) => make("a", { href: address(page), "data-page": page }, name)));
  document.getElementById("search").addEventListener("submit", (event) => {
    event.preventDefault();
    go(address("search", { id: new FormData(event.target).get("id").trim() }));
  });
  document.addEventListener("click", follow);
  document.addEventListener("keydown", press);
  addEventListener("popstate", show);
  addEventListener("moved", show);
  await show();
}

start();
