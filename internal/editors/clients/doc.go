// Package clients runs editors' own programs against the settings that agentrunctl writes: they list their MCP servers, and have to see
// ours, connected. Where an editor cannot be had without a window, its own parser reads its file. They are npm packages; package.json and
// its lock name them exactly, install.sh puts them into a folder outside the source tree (288 MB). The tests are behind the tag clients:
//
//	sh internal/editors/clients/install.sh FOLDER
//	go test -tags clients ./internal/editors/clients -clients FOLDER
//
// Versions are the newest of those that are small enough to be installed by everybody who runs the tests.
package clients
