// JSON in: a Content-Security-Policy. JSON out: csp_evaluator's findings.
const { CspEvaluator } = require("csp_evaluator");
const { CspParser } = require("csp_evaluator/dist/parser.js");

const policy = JSON.parse(require("fs").readFileSync(0, "utf8"));
const findings = new CspEvaluator(new CspParser(policy).csp).evaluate();
process.stdout.write(JSON.stringify(findings));
