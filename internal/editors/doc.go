// Package editors connects AI editors to AgentRun Tray by their settings files, and takes the connection out again.
//
// What is known of each editor is one row of the table in table.go: where its files are, their format, the key below which MCP
// servers stand, and what an entry looks like. A [Set] is that table on one computer: it says which editors are there and how
// they are connected ([Set.List], which only reads), and changes that ([Set.Connect], [Set.Disconnect], [Set.Undo]).
//
// Settings files belong to their users, and hold comments, other servers and other people's secrets. So a file that cannot be
// parsed is refused; of one that can, only our own entry is changed (see package configedit), and its mode and symbolic links stay.
// Before each change the file is kept in our data folder, so that it can be undone. Contents are never in an error or a log.
//
// The copies and the journal of changes are no package of their own: what a change was for, in which form and by which route decides
// whether an editor has lost us, and what there is to undo, so that the journal and the [Set] would have to know each other.
package editors
