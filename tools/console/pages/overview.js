// Alarms, backlog and counts. What is cheap is looked at again every half minute.

import { ask } from "/assets/api.js";
import { address, say } from "/assets/place.js";
import { make, section, state, table, time, trouble } from "/assets/elements.js";
import { ago, duration } from "/assets/formats.js";

const EVERY_MS = 30_000;
const STATES = ["ROUTED", "RECORDED", "HELD", "DEAD_LETTERED", "CONFLICTING"];
const RANGES = [["hour", 3600], ["day", 86400], ["week", 604800]];

export async function overviewPage({ main, signal }) {
  const live = make("input", { type: "checkbox", checked: true });
  const alarms = part("Alarms", async () => alarmList((await ask(["alarms"], null, signal)).alarms));
  const queues = part("Backlog", async () => table("Messages in queues", {
    queue: (one) => one.name, waiting: (one) => String(one.waiting), "in work": (one) => String(one.inWork),
    oldest: (one) => (one.oldestSeconds === null ? "no data" : duration(one.oldestSeconds)),
  }, (await ask(["queues"], null, signal)).queues));
  const counts = RANGES.map(([name, seconds]) => part(`Last ${name}`, async () => countTable(await ask(["counts"], { from: ago(seconds) }, signal), name)));
  main.append(make("label", { class: "live" }, live, " Look again every half minute"), alarms.place, queues.place, ...counts.map(({ place }) => place));
  // A day and a week cost more: once.
  const again = [alarms, queues, counts[0]];
  await Promise.all([alarms, queues, ...counts].map((one) => one.look()));
  if (signal.aborted) return;
  say(`As of ${new Date().toISOString().slice(11, 19)}`);
  const timer = setInterval(async () => {
    if (!live.checked || document.hidden) return;
    await Promise.all(again.map((one) => one.look()));
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));

  // One part that fails leaves the others.
  function part(title, look) {
    const body = make("div", null, make("p", null, "Looking"));
    return {
      place: section(title, body),
      look: async () => {
        try {
          body.replaceChildren(...[await look()].flat());
        } catch (error) {
          if (error.name !== "AbortError") body.replaceChildren(trouble(error));
        }
      },
    };
  }
}

function alarmList(alarms) {
  const on = alarms.filter((alarm) => alarm.state === "ALARM");
  if (!on.length) return make("p", null, state("OK"), ` None of ${alarms.length} alarms is on.`);
  return table(`${on.length} of ${alarms.length} alarms are on`, {
    state: (alarm) => state(alarm.state), alarm: (alarm) => alarm.name, meaning: (alarm) => alarm.meaning, since: (alarm) => time(alarm.since),
  }, on);
}

function countTable({ counts, exact, from, to }, name) {
  const names = [...new Set(counts.map((count) => count.provider))];
  if (!names.length) return make("p", null, "No event.");
  const number = (provider, of) => counts.find((count) => count.provider === provider && (count.state ?? "") === of)?.events ?? 0;
  const columns = Object.fromEntries([...STATES, ""].filter((of) => names.some((provider) => number(provider, of)))
    .map((of) => [of || "not recorded yet", (provider) => {
      const text = number(provider, of).toLocaleString("en");
      return of ? make("a", { href: address("events", { provider, state: of, from, to }) }, text) : text;
    }]));
  return table(`Events of the last ${name} by provider and state, ${exact ? "exact" : "estimated"}`, { provider: (provider) => provider, ...columns }, names);
}
