// Package e2e holds the black-box tests of the programs as they are shipped: they build agentrun-mcp and agentrunctl, start
// them the way an editor does, and speak MCP to them with a client that shares no code with ours, in both protocol eras.
//
// Nothing here looks inside: what a test knows, it has read from standard output, the log, the published files or the process
// table. The tests have the build tag e2e and run with `make e2e`; nothing imports the package.
package e2e
