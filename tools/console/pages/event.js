// One event: what happened to it, from receipt to the last attempt at a customer's endpoint.

import { ask, bytes } from "/assets/api.js";
import { payload } from "/assets/attempts.js";
import { address, eventAddress } from "/assets/place.js";
import { action } from "/assets/act.js";
import { deliverySection } from "/assets/deliveries.js";
import { facts, make, onDemand, section, state, time } from "/assets/elements.js";
import { eventTable } from "/assets/events.js";
import { money } from "/assets/formats.js";
import { choice } from "/assets/list.js";

export async function eventPage({ main, signal, name, keys: [key] }) {
  name(key);
  const event = await ask(["events", key], null, signal);
  const { transactionId, otherEvents, hasMore } = event.transaction;
  main.append(
    make("p", null, make("a", { href: address("replay", { eventIds: key }) }, "Replay this event")),
    ...event.records.map((record) => recordSection(key, record, event.records.length > 1, signal)),
    erase(key, event.records, signal),
    section("Timeline, the newest step first",
      event.deliveryError && make("p", { class: "trouble" }, `What became of it in delivery is not shown: ${event.deliveryError}`),
      make("ol", { class: "timeline" }, steps(event).map(({ at, where, step, details }) =>
        make("li", null, time(at), " ", make("strong", null, step), ` ${where}`, details ? make("span", { class: "details" }, details) : null)))),
    ...event.deliveryEvents.map((found) => deliverySection(found, signal)),
    section("Other events of the transaction",
      make("p", null, make("a", { href: address("events", { transactionId }) }, make("code", null, transactionId))),
      otherEvents.length ? eventTable(`${otherEvents.length} other events${hasMore ? ", and more" : ""}`, otherEvents) : make("p", null, "There are none.")),
  );
}

const HALF_A_DAY = 43_200_000;
const moved = (at, by) => `${new Date(Date.parse(at) + by).toISOString().slice(0, 19)}Z`;
// There is no index of correlation ids: the events of a day are gone through.
const around = (at) => ({ from: moved(at, -HALF_A_DAY), to: moved(at, HALF_A_DAY) });

function recordSection(key, record, isOneOfMany, signal) {
  const asked = { record: record.record };
  const { archive, lastFailure } = record;
  return section(isOneOfMany ? `Record ${record.record}` : "Event",
    facts([
      ["State", state(record.state) || "not recorded yet"], ["Provider", record.provider], ["Type", record.eventType], ["Amount", money(record)],
      ["Mode", record.mode], ["Account", record.account], ["Received", time(record.receivedAt)], ["Occurred", record.occurredAt],
      ["Given up", record.deadLetteredAt && time(record.deadLetteredAt)],
      ["Conflict noted", record.conflictAt && time(record.conflictAt)],
      ["Last failure", lastFailure && `${lastFailure.reason}${lastFailure.receiveCount ? `, receive ${lastFailure.receiveCount}` : ""}`],
      ["Correlation id", make("a", { href: address("events", { correlationId: record.correlationId, ...around(record.receivedAt) }) }, make("code", null, record.correlationId))],
      ["Same bytes as", record.sameBytesAs], ["Signature", record.scheme],
      ["Archived", archive && make("code", null, `${archive.key} at ${archive.offset}, ${archive.size} bytes`)],
      ["SHA-256", archive && make("code", null, archive.sha256)],
      ["Erased", time(record.erasedAt)],
      ["Message that was given up", record.deadLetter && make("code", null, record.deadLetter)],
    ]),
    make("div", { class: "demands" },
      onDemand("Show the payload", async () => payload(await bytes(["payloads", key], asked, signal))),
      archive && onDemand("Verify the evidence", async () => evidence(await ask(["evidence", key], asked, signal)))));
}

function erase(key, records, signal) {
  const names = records.map(({ record }) => record);
  return action("Erase the payload", ["erase"], {
    fields: names.length > 1 ? [choice("record", "Record", names, {})] : [],
    body: ({ record }) => ({ eventId: key, ...(record && { record }) }), inBody: ["dryRun", "reason"],
    confirms: key, policy: "erase_policy_json", says: "This would be erased:", signal,
    shown: ({ places, sameBytes }) => [
      ["Places", places.map((one) => make("div", null, make("code", null, one.key), one.offset === null ? "" : ` at ${one.offset}, ${one.size} bytes`))],
      ["Other events that lose what is there", sameBytes.map((other) => make("div", null, make("a", { href: eventAddress(other) }, other)))],
    ],
  });
}

function evidence({ proof, evidence: found }) {
  const headers = Object.entries(found?.headers ?? {}).map(([name, value]) => [name, make("code", null, value)]);
  return [make("p", null, state(proof)), found ? facts([
    ["Scheme", found.scheme], ["Entry", found.entry], ["Key id", make("code", null, found.keyId)],
    ["Received", time(new Date(found.receivedAt * 1000).toISOString())],
    ["Verified again", found.requalifiedAt && time(new Date(found.requalifiedAt * 1000).toISOString())], ...headers,
  ]) : null].filter(Boolean);
}

function steps(event) {
  const inbound = event.records.flatMap((record) => record.timeline.map(({ at, step, ...more }) =>
    ({ at, step, where: "inbound", details: Object.entries(more).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ") })));
  const delivery = event.deliveryEvents.flatMap((found) => {
    const where = `tenant ${found.tenantId}`;
    return [
      { at: found.createdAt, step: "accepted", where, details: found.eventId },
      ...found.attempts.map((one) => ({ at: one.at, step: `attempt ${one.number}`, where, details: `${one.endpointId}, ${one.outcome}, ${one.durationMs} ms` })),
      ...found.deliveries.map((one) => ({
        at: one.updatedAt, step: one.state, where,
        details: [one.endpointId, one.reason, one.nextAttemptAt && `next attempt ${one.nextAttemptAt}`].filter(Boolean).join(", "),
      })),
    ];
  });
  return [...inbound, ...delivery].sort((one, other) => (one.at < other.at ? 1 : one.at > other.at ? -1 : 0));
}
