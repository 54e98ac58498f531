// Package configedit changes one entry of a configuration file (JSON with comments, TOML, YAML) as text, so that every byte outside that
// entry stays: comments, order, indentation, line endings, byte order mark. An entry is what stands behind a name in a section of its file,
// as `[servers.mine]` does in TOML.
//
// Parsers say what a file means and where its parts are; none of them writes it again. That nothing else was changed is proved each time by
// parsing what has come of the edit: of a file in which that cannot be had nothing is returned but [ErrShape]. Contents are never in an
// error.
package configedit
