// The pages of the console.

import { ask, givenToken, showsEnvironment, takeToken } from "/assets/api.js";
import { make } from "/assets/elements.js";
import { auditPage } from "/assets/audit.js";
import { deliveriesPage, deliveryPage } from "/assets/deliveries.js";
import { endpointPage, endpointsPage } from "/assets/endpoints.js";
import { eventPage } from "/assets/event.js";
import { conflictsPage, deadLettersPage, eventsPage } from "/assets/events.js";
import { overviewPage } from "/assets/overview.js";
import { address, go, hasDelivery, setAbout } from "/assets/place.js";
import { providersPage } from "/assets/providers.js";
import { replayPage } from "/assets/replay.js";
import { searchPage } from "/assets/search.js";
import { openPages, refuse } from "/assets/shell.js";
import { statementPage, statementsPage } from "/assets/statements.js";
import { tenantPage, tenantsPage } from "/assets/tenants.js";

const PAGES = {
  "": { name: "Overview", show: overviewPage },
  events: { name: "Events", show: eventsPage, one: eventPage },
  "dead-letters": { name: "Dead letters", show: deadLettersPage },
  conflicts: { name: "Conflicts", show: conflictsPage },
  replay: { name: "Replay", show: replayPage },
  providers: { name: "Providers", show: providersPage },
  statements: { name: "Statements", show: statementsPage, one: statementPage },
  tenants: { name: "Tenants", show: tenantsPage, one: tenantPage, isOfDelivery: true },
  endpoints: { name: "Endpoints", show: endpointsPage, one: endpointPage, isOfDelivery: true },
  deliveries: { name: "Deliveries", show: deliveriesPage, one: deliveryPage, isOfDelivery: true },
  audit: { name: "Audit log", show: auditPage },
  search: { name: "Search", show: searchPage, hidden: true },
};

async function start() {
  takeToken();
  // The start URL in a tab that shows the first page already changes the fragment alone.
  addEventListener("hashchange", () => { if (givenToken()) location.reload(); });
  let about;
  try {
    about = await ask(["about"]);
  } catch (error) {
    refuse(error);
    return;
  }
  setAbout(about);
  showsEnvironment(about.environment);
  if (location.pathname === "/") go(address(""), true);
  for (const page of Object.values(PAGES)) page.hidden ||= page.isOfDelivery && !hasDelivery();
  document.getElementById("environment").append(make("strong", null, about.environment), ` ${about.isLocal ? "this machine" : about.region}`);
  document.getElementById("search").addEventListener("submit", (event) => {
    event.preventDefault();
    go(address("search", { id: new FormData(event.target).get("id").trim() }));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    document.getElementById("id").focus();
  });
  await openPages(PAGES, about.environment, () => {
    const [environment, page = "", ...keys] = location.pathname.slice(1).split("/").map(decodeURIComponent);
    const refused = environment === about.environment ? null : `This link is about ${environment}, and this console shows ${about.environment}.`;
    return { page, keys, query: Object.fromEntries(new URLSearchParams(location.search)), refused };
  });
}

start();
