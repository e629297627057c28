// The pages of the tenants' portal.

import { ask, givenToken, takeToken } from "/assets/api.js";
import { setAccess } from "/assets/access.js";
import { setAddresses } from "/assets/address.js";
import { deliveriesPage } from "/assets/deliveries.js";
import { make, time } from "/assets/elements.js";
import { endpointPage, endpointsPage } from "/assets/endpoints.js";
import { eventPage, eventsPage } from "/assets/events.js";
import { openPages, refuse } from "/assets/shell.js";

const PAGES = {
  endpoints: { name: "Endpoints", show: endpointsPage, one: endpointPage },
  deliveries: { name: "Deliveries", show: deliveriesPage },
  events: { name: "Events", show: eventsPage, one: eventPage },
};
const PAGE = "page";

async function start() {
  takeToken();
  // A new link in a tab that shows the portal already changes the fragment alone.
  addEventListener("hashchange", () => { if (givenToken()) location.reload(); });
  let link;
  try {
    link = await ask(["token"]);
  } catch (error) {
    refuse(error);
    return;
  }
  setAccess(link.access);
  // One document has all pages: which one is asked for is in the query.
  setAddresses((page, query) => `${location.pathname}?${new URLSearchParams([[PAGE, page], ...query])}`);
  document.getElementById("tenant").append(make("strong", null, link.tenantName));
  if (link.expiresAt) document.getElementById("ends").append("This link ends ", time(link.expiresAt), ".");
  await openPages(PAGES, link.tenantName, () => {
    const { [PAGE]: asked = "endpoints", ...query } = Object.fromEntries(new URLSearchParams(location.search));
    const [page, ...keys] = asked.split("/");
    return { page, keys, query };
  });
}

start();
