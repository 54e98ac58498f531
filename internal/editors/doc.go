// Package editors connects AI editors to AgentRun Tray by their settings files, and takes the connection out again.
//
// What is known of each editor is one row of the table in table.go: where its files are, their format, the key below which MCP
// servers stand, and what an entry looks like. A [Set] is that table on one computer: it says which editors are there and how
// they are connected ([Set.List], which only reads), and changes that ([Set.Connect], [Set.Disconnect], [Set.Undo]).
//
// Settings files belong to their users, and hold comments, other servers and other people's secrets. So a file that cannot be
// parsed is refused; of one that can, only our own entry is changed, and that this is so is proved by parsing what would be written
// before it is written. Bytes outside the entry stay: comments, order, indentation, line endings, byte order mark, mode, symbolic
// links. Before each change the file is kept in our data folder, so that it can be undone. Contents are never in an error or a log.
package editors
