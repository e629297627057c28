// What the link lets its holder do.

const ACTING = ["full", "portal"];
let access;

export const setAccess = (given) => { access = given; };
export const mayAct = () => ACTING.includes(access);
