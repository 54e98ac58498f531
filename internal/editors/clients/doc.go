// Package clients runs editors' own programs against the settings that agentrunctl writes: they list their MCP servers, and have to see
// ours, connected. Where an editor cannot be had without a window, its own parser reads its file. They are npm packages; package.json and
// its lock name them exactly, packaging/npm.sh puts them into a folder outside the source tree (SIZE MB). The tests are behind the tag clients:
//
//	sh packaging/npm.sh internal/editors/clients FOLDER "This test" --omit=optional
//	go test -tags clients ./internal/editors/clients -clients FOLDER
//
// Versions are the newest of those that are small enough to be installed by everybody who runs the tests.
package clients
