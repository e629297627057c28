// Daily statements: the days, and one of them as it is stored.

import { ask } from "/assets/api.js";
import { address, eventAddress } from "/assets/place.js";
import { facts, make, state, table } from "/assets/elements.js";
import { list, pages } from "/assets/list.js";

const NUMBERS = { received: "received", routed: "routed", held: "held", "dead-lettered": "deadLettered", conflicting: "conflicting", waiting: "waiting", recovered: "recovered" };
const numbers = Object.fromEntries(Object.entries(NUMBERS).map(([name, member]) => [name, (one) => one[member].toLocaleString("en")]));
const differences = (number) => (number ? [state("incomplete"), ` ${number}`] : "none");
const place = (one) => `${one.day}, ${one.account ?? "no account"}, ${one.mode ?? "no mode"}`;
const items = (heading, found, level = "h3") => (found.length ? [make(level, null, heading), make("ul", null, found.map((one) => make("li", null, one)))] : []);

export async function statementsPage({ main, signal }) {
  main.append(make("p", null, "What was received on each day, in UTC, and what had become of it when the statement was made. ", make("code", null, "make verify-statements"), " compares the chain with the records."));
  await list(main, {
    caption: "Statements, the newest first", noun: "statements",
    columns: { day: (one) => make("a", { href: address(`statements/${one.day}`) }, one.day), ...numbers, open: (one) => one.open.toLocaleString("en"), differences: (one) => differences(one.differences) },
    fetch: pages(["statements"], "statements", "next", {}, signal),
  });
}

export async function statementPage({ main, signal, name, keys: [day] }) {
  name(`Statement of ${day}`);
  const said = await ask(["statements", day], null, signal);
  main.append(...items("Differences", said.differences.map((one) => `${one.provider ?? "the chain"}: ${one.what}`), "h2"));
  const isShown = (one) => one.provider !== "unreadable" || ["accounts", "open", "settled", "later"].some((part) => one[part].length);
  for (const one of said.providers.filter(isShown)) main.append(...provider(one));
  main.append(...items("Not covered", said.notCovered, "h2"), make("h2", null, "Chain"), facts(Object.entries({
    "SHA-256": make("code", null, said.sha256), "the one before": said.previous ? make("code", null, `${said.previous.key} ${said.previous.sha256}`) : "it is the first one",
  })), make("p", null, make("code", null, `make verify-statements SINCE=${day} DIGEST=${said.sha256}`)));
}

function provider(said) {
  const { list: listed, refused } = said;
  const known = (value) => value ?? "not asked";
  return [make("h2", null, said.provider), facts(Object.entries({
    "the provider's list": listed ? `${["listed", "present", "recovered", "unreadable", "unwanted"].map((one) => `${listed[one]} ${one}`).join(", ")}; ${listed.since} to ${listed.until}` : "not asked",
    "accepted, with repetitions": known(said.accepted),
    refused: refused ? Object.entries(refused).map(([reason, number]) => `${reason} ${number}`).join(", ") || "none" : "not asked",
    "in the quarantine": known(said.quarantined),
  })), table(`Events of ${said.provider}`, { account: (one) => one.account ?? "-", mode: (one) => one.mode ?? "-", "provider has": (one) => one.providerHas?.toLocaleString("en") ?? "-", ...numbers }, said.accounts),
  ...(said.delivered?.length ? [table(`Events of ${said.provider} that were delivered to tenants`, { tenant: (one) => one.tenant, accounts: (one) => one.accounts?.join(", ") ?? "any", delivered: (one) => one.delivered, "failed attempts": (one) => one.failedAttempts, "given up": (one) => one.givenUp }, said.delivered)] : []),
  ...items("Open", [...said.open.map((one) => [make("a", { href: eventAddress(one.event) }, one.event), ` of ${one.day}: ${one.state}`]), ...(said.openNotNamed ? [`and ${said.openNotNamed} more`] : [])]),
  ...items("Open before, and what became of it", said.settled.map((one) => [make("a", { href: eventAddress(one.event) }, one.event), ` of ${one.day}: ${one.was}, now ${one.is ?? "without a record"}`])),
  ...items("The provider has of days before, besides what their statements say", (said.providerHasLater ?? []).map((one) => `${place(one)}: ${one.providerHas}`)),
  ...items("Recorded after its day was closed", said.later.flatMap(({ day, accounts }) => accounts.map((one) => `${place({ ...one, day })}: ${one.received}`)))];
}
