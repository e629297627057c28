// Where the console is: the environment, and addresses of its pages.

import { address, setAddresses } from "/assets/address.js";

export { address, go, say, showAgain } from "/assets/address.js";

let about;

export const setAbout = (known) => { about = known; };
export const providers = () => about.providers;
export const hasDelivery = () => about.hasDelivery;
export const hasIngestQueue = () => about.hasIngestQueue;
export const eventAddress = (key) => address(`events/${encodeURIComponent(key)}`);

setAddresses((page, query) => `/${about.environment}/${page}${query.length ? `?${new URLSearchParams(query)}` : ""}`);
