// `--import` of processes that run tests: a package of this workspace is its compiled modules, and not its bundle, so that a test
// that imports some of them has the same classes as the packages that use it.
import { register } from "node:module";

register("./resolve-compiled.mjs", import.meta.url);
