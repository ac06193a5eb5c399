// The `prepack` of every package. npm would publish the manifests with the ranges `workspace:` and `catalog:`, which
// cannot be installed; pnpm replaces them with versions.
const agent = process.env.npm_config_user_agent ?? "";
if (!agent.startsWith("pnpm/")) {
  process.stderr.write(
    `infernode: expected pnpm to pack and publish, got ${agent.split(" ")[0] || "no package manager"}: ` +
      "use `npx pnpm pack` or `npx pnpm publish`; see CONTRIBUTING.md\n",
  );
  process.exit(1);
}
