// Alarms, backlog and counts. What is cheap is looked at again every half minute.

import { ask } from "/assets/api.js";
import { address, hasDelivery, say } from "/assets/place.js";
import { facts, make, section, state, table, time, trouble } from "/assets/elements.js";
import { ago, duration } from "/assets/formats.js";
import { redrives } from "/assets/redrive.js";

const EVERY_MS = 30_000;
const STATES = ["ROUTED", "RECORDED", "HELD", "DEAD_LETTERED", "CONFLICTING"];
// Of each state of a delivery.
const LISTED = 100;
const RANGES = [["hour", 3600], ["day", 86400], ["week", 604800]];

export async function overviewPage({ main, signal }) {
  const live = make("input", { type: "checkbox", checked: true });
  const alarms = part("Alarms", async () => alarmList(await ask(["alarms"], null, signal)));
  const queues = part("Backlog", async () => table("Messages in queues", {
    queue: (one) => one.name, waiting: (one) => one.refused ?? String(one.waiting), "in work": (one) => String(one.inWork ?? ""),
    oldest: (one) => (one.oldestSeconds === null ? "no data" : duration(one.oldestSeconds)),
  }, (await ask(["queues"], null, signal)).queues));
  const counts = RANGES.map(([name, seconds]) => part(`Last ${name}`, async () => countTable(await ask(["counts"], { from: ago(seconds) }, signal), name)));
  const delivery = hasDelivery() ? [part("Deliveries", () => deliveries(signal)), part("Attempts", async () => attempts(await ask(["deliveries"], null, signal)))] : [];
  main.append(make("label", { class: "live" }, live, " Look again every half minute"), alarms.place, queues.place, redrives(signal),
    ...[counts[0], ...delivery, ...counts.slice(1)].map(({ place }) => place));
  // A day and a week cost more: once.
  const again = [alarms, queues, ...delivery, counts[0]];
  await Promise.all([...again, ...counts.slice(1)].map((one) => one.look()));
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

function alarmList({ alarms, trouble: missing }) {
  const on = alarms.filter((alarm) => alarm.state === "ALARM");
  return [
    missing && trouble(missing),
    on.length ? table(`${on.length} of ${alarms.length} alarms are on`, {
      state: (alarm) => state(alarm.state), alarm: (alarm) => alarm.name, meaning: (alarm) => alarm.meaning, since: (alarm) => time(alarm.since),
    }, on) : alarms.length ? make("p", null, missing ? "" : state("OK"), ` None of ${alarms.length} alarms is on.`) : null,
  ].filter(Boolean);
}

async function deliveries(signal) {
  const listed = (of) => ask(["operator", "deliveries"], { state: of, limit: LISTED }, signal);
  const [pending, failed, dead] = await Promise.all(["PENDING", "FAILED", "DLQ"].map(listed));
  const number = (found, of) => make("a", { href: address("deliveries", { state: of }) }, `${found.next ? "at least " : ""}${found.deliveries.length}`);
  const failing = Map.groupBy(failed.deliveries, ({ tenantId, endpointId }) => `${tenantId}/${endpointId}`);
  return [
    facts([["Not tried yet", number(pending, "PENDING")], ["Failed, and tried again", number(failed, "FAILED")], ["Given up", number(dead, "DLQ")]]),
    failing.size ? table(`Failing endpoints${failed.next ? ", not all of them" : ""}`, {
      endpoint: ([key]) => make("a", { href: address(`endpoints/${key}`) }, make("code", null, key)), deliveries: ([, all]) => String(all.length),
      "next attempt": ([, all]) => time(all.map((one) => one.nextAttemptAt).filter(Boolean).sort()[0]),
    }, [...failing]) : make("p", null, ...(failed.next ? ["Not all tenants were looked at; those that were have none that failed."] : [state("OK"), " No endpoint has deliveries that failed and are tried again."])),
  ];
}

function attempts({ oldestOverdueSeconds: late, ...counted }) {
  const both = ({ hour, day }) => `${hour.toLocaleString("en")} and ${day.toLocaleString("en")}`;
  return facts([
    ["Delivered, hour and day", both(counted.delivered)], ["Failed, hour and day", both(counted.failedAttempts)], ["Given up, hour and day", both(counted.givenUp)],
    ["Oldest is overdue by", late === null ? "no data" : duration(late)],
  ]);
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
