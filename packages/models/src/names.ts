// What a program can know of a model without loading the code that reads models.
export { embeddedModelDirectory } from "./embedded.ts";
export { modelNameOf } from "./files/hub-name.ts";
