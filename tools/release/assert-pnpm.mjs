// The `prepack` of every package. npm would ship the manifests as they are, with the ranges `workspace:` and
// `catalog:`, which nobody can install; pnpm writes versions in their place.
const agent = process.env.npm_config_user_agent ?? "";
if (!agent.startsWith("pnpm/")) {
  process.stderr.write(
    `infernode: packages are packed and published with pnpm, found ${agent.split(" ")[0] || "no package manager"}: ` +
      "use `npx pnpm pack` or `npx pnpm publish`; see CONTRIBUTING.md\n",
  );
  process.exit(1);
}
