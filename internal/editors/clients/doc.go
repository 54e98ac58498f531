// Package clients runs editors' own programs against the settings that agentrunctl writes: they list their MCP servers, and have to see
// ours, connected. Where an editor cannot be had without a window, its own parser reads its file. They are npm packages; package.json and
// its lock name them exactly, packaging/npm.sh puts them into a folder outside the source tree (195 MB to fetch, 660 MB there). The tests
// are behind the tag clients:
//
//	sh packaging/npm.sh internal/editors/clients FOLDER "This test" --omit=optional
//	go test -tags clients ./internal/editors/clients -clients FOLDER
//
// Versions are the newest of those that are small enough to be installed by everybody who runs the tests. The lock names nothing that is
// optional: it is for terminals and sound, or for other systems, and registries do not have all of it. The clients are for Linux on x64.
package clients
