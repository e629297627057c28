// Runs in jsii's Node.js process before anything else, see modules/synth/bindings.py. The output of a synth is byte for byte
// the same with it and without it, and a test compares the two.
//
// The index of the AWS bindings, CDKTF's or cdktn's, requires all of their more than 2,000 modules, which takes most of
// a synth's time. They ship another one, lazy-index.js, with the same names, each of which is required when it is asked
// for. It is loaded in place of the first.
"use strict";
const fs = require("fs");
const Module = require("module");
const path = require("path");

const EAGER = path.join("provider-aws", "lib", "index.js");
const resolve = Module._resolveFilename;

Module._resolveFilename = function (...args) {
  const found = resolve.apply(this, args);
  if (!found.endsWith(EAGER)) return found;
  const lazy = path.join(path.dirname(found), "lazy-index.js");
  if (fs.existsSync(lazy)) return lazy;
  process.stderr.write(`${found}: no lazy-index.js is beside it, so that all of the AWS bindings are loaded\n`);
  return found;
};
