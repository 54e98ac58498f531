package shim

import (
	"encoding/binary"
	"unicode/utf16"
)

// mountPoint is the tag of junctions among the reparse points of NTFS.
const mountPoint = 0xA0000003

// junction is the REPARSE_DATA_BUFFER that makes a folder lead to another: the header, the places of two names, and the names, the
// first for the system and the second for people, both with a zero behind them.
func junction(target string) []byte {
	substitute, printed := utf16.Encode([]rune(`\??\`+target)), utf16.Encode([]rune(target))
	size := func(name []uint16) uint16 { return uint16(2 * len(name)) } //nolint:gosec // paths have at most 32767 characters
	var names []byte
	for _, unit := range append(append(append(substitute, 0), printed...), 0) {
		names = binary.LittleEndian.AppendUint16(names, unit)
	}
	data := binary.LittleEndian.AppendUint16(nil, 0)
	data = binary.LittleEndian.AppendUint16(data, size(substitute))
	data = binary.LittleEndian.AppendUint16(data, size(substitute)+2)
	data = binary.LittleEndian.AppendUint16(data, size(printed))
	data = append(data, names...)
	buffer := binary.LittleEndian.AppendUint32(nil, mountPoint)
	buffer = binary.LittleEndian.AppendUint16(buffer, uint16(len(data))) //nolint:gosec // as above
	buffer = binary.LittleEndian.AppendUint16(buffer, 0)
	return append(buffer, data...)
}
