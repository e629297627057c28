// Each provider: its last event, what is accepted and refused, its secret.

import { ask } from "/assets/api.js";
import { address, eventAddress, providers } from "/assets/place.js";
import { make, table, time, trouble } from "/assets/elements.js";

export async function providersPage({ main, signal }) {
  const names = Object.entries(providers());
  const rates = later(ask(["providers"], null, signal));
  main.append(table("Deployed providers", {
    provider: ([name, title]) => [make("a", { href: address("events", { provider: name }) }, name), ` ${title}`],
    "last event in a day": ([name]) => rates.cell(ask(["events"], { provider: name, limit: 1 }, signal), ({ events: [last], next }) =>
      (last ? make("a", { href: eventAddress(`${last.provider}:${last.eventId}`) }, time(last.receivedAt)) : next ? "unknown" : "none")),
    "accepted, hour and day": ([name]) => rates.cell(rates.found, ({ providers: all }) => {
      const { accepted } = all.find((one) => one.name === name);
      return `${accepted.hour} and ${accepted.day}`;
    }),
    "refused in a day": ([name]) => rates.cell(rates.found, ({ providers: all }) =>
      all.find((one) => one.name === name).refused.map(({ reason, day }) => `${reason} ${day}`).join(", ") || "none"),
    secret: ([name]) => rates.cell(ask(["secrets", name], null, signal), ({ needed, valid }) =>
      (!needed ? "needs none" : valid === 0 ? "missing or unusable" : valid === 1 ? "one is valid" : `${valid} are valid: a rotation is not finished`)),
  }, names));
}

// A cell that is filled when its answer is there.
function later(found) {
  return {
    found,
    cell: (answer, show) => {
      const cell = make("span", null, "…");
      answer.then((known) => cell.replaceChildren(...[show(known)].flat()))
        .catch((error) => { if (error.name !== "AbortError") cell.replaceChildren(trouble(error)); });
      return cell;
    },
  };
}
