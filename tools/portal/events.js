// Events: what became of each, and sending it again.

import { act, ask } from "/assets/api.js";
import { mayAct } from "/assets/access.js";
import { actionForm } from "/assets/action.js";
import { address, say, showAgain } from "/assets/address.js";
import { attemptColumns, deliveryColumns, payload } from "/assets/attempts.js";
import { facts, make, onDemand, table, time } from "/assets/elements.js";
import { endpointChoice, endpointLink, urlsOfEndpoints } from "/assets/deliveries.js";
import { filters, given, list, pages } from "/assets/list.js";

const EVERY_MS = 1_000;
const LOOKS = 30;

export const eventLink = ({ eventId }) => address(`events/${eventId}`);

export async function eventsPage({ main, query, signal }) {
  main.append(filters("events", query, []));
  await list(main, {
    caption: "Events, the newest first", noun: "events",
    columns: {
      event: (one) => make("a", { href: eventLink(one) }, make("code", null, one.eventId)), type: (one) => one.type, accepted: (one) => time(one.createdAt),
      bytes: (one) => one.size, "payload erased": (one) => time(one.erasedAt),
    },
    fetch: pages(["events"], "events", "cursor", query, signal),
  });
}

export async function eventPage({ main, signal, name, keys: [eventId] }) {
  name(eventId);
  const path = ["events", eventId];
  const [event, urls] = await Promise.all([ask(path, null, signal), urlsOfEndpoints(signal)]);
  const endpoint = endpointLink(urls);
  const { event: _, ...columns } = attemptColumns(["events"], eventLink, signal);
  main.append(
    facts([["Type", event.type], ["Accepted", time(event.createdAt)], ["Bytes", event.size], ["SHA-256", make("code", null, event.sha256)], ["Payload erased", time(event.erasedAt)]]),
    ...(event.erasedAt ? [] : [onDemand("Show the payload", async () => payload(new TextEncoder().encode((await ask([...path, "payload"], null, signal)).payload)))]),
    table("Deliveries", deliveryColumns(endpoint), event.deliveries));
  if (mayAct() && !event.erasedAt) {
    const latest = event.deliveries[0]?.endpointId;
    main.append(actionForm("Send again", endpointChoice(urls, { endpointId: latest }, null), {
      run: async (form) => {
        const { endpointId } = given(form);
        await act("POST", [...path, "deliveries", endpointId, "resend"]);
        say("The attempt is on its way");
        const isMade = await attempted(eventId, endpointId, attemptsOf(event, endpointId), signal);
        showAgain(isMade ? "Sent again." : "It waits for its attempt.");
      },
    }));
  }
  main.append(table(event.attemptsComplete ? "Attempts" : "Attempts, not all of them",
    { endpoint, ...columns }, event.attempts));
}

const attemptsOf = (event, endpointId) => event.deliveries.find((one) => one.endpointId === endpointId)?.attempts ?? 0;

// Waits until an endpoint had more attempts than before; tells whether it had, for one that is paused gets none now.
export async function attempted(eventId, endpointId, before, signal) {
  for (let look = 0; look < LOOKS; look += 1) {
    if (attemptsOf(await ask(["events", eventId], null, signal), endpointId) > before) return true;
    await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
    signal.throwIfAborted();
  }
  return false;
}
