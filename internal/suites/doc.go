// Package suites runs the public suites against our programs, as `make suites` does: both versions of the MCP conformance suite
// and the MCP Inspector's command line. They are npm packages; package.json and its lock name them exactly, packaging/npm.sh puts them
// into a folder outside the source tree.
//
// The conformance suite calls tools, resources and prompts of its own. Against the real programs, what needs those cannot pass:
// testdata/real-*.yaml list it, in the suite's own format, with the reason of each. The programs built with the tag conformance
// have them beside the real ones (the addFixture of internal/mcpserver), and there everything that is scored must pass.
package suites
