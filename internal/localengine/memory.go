package localengine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tetratelabs/wazero/experimental"
)

const (
	wasmPage = 64 << 10
	hostPage = 4 << 10 // what copying looks at; not necessarily what the machine has
)

var errNoMemory = errors.New("the machine has no memory left for another instance")

// arena is the linear memory of one instance. Its whole range of addresses is reserved at once, so its base never moves: an
// address of a guest flag, once computed, can be written to while the guest runs and grows.
type arena struct {
	size atomic.Int64 // of the front part that the guest has
	lent []byte       // given out once in place of the front part; see kernel.newInstance

	mu     sync.Mutex // held while the memory is touched from outside the guest, or given back
	region []byte     // reserved; nil when given back
}

func newArena(limit int64) (*arena, error) {
	region, err := reserve(int(limit))
	if err != nil {
		return nil, fmt.Errorf("reserve %d MiB of address space: %w", limit>>20, err)
	}
	return &arena{region: region}, nil
}

// Allocate makes the arena the allocator of the one instance it was made for.
func (a *arena) Allocate(_, _ uint64) experimental.LinearMemory { return a }

// Reallocate gives the front part of the region. The guest sees nil as "no memory".
func (a *arena) Reallocate(size uint64) []byte {
	if lent := a.lent; lent != nil {
		a.lent = nil
		if size > uint64(len(lent)) {
			return nil
		}
		return lent[:size]
	}
	if size > uint64(len(a.region)) || commit(a.region, int(size)) != nil { //nolint:gosec // checked against the length
		return nil
	}
	a.size.Store(int64(size)) //nolint:gosec // likewise
	return a.region[:size:size]
}

// Free gives the range back.
func (a *arena) Free() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.region != nil {
		release(a.region)
		a.region = nil
	}
}

// raise interrupts the guest, if its memory is still there.
func (a *arena) raise(f flags) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.region != nil {
		f.raise()
	}
}

// resident is how much memory the guest takes by itself, without what it shares with the snapshot, as far as the system tells.
func (a *arena) resident() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.region == nil {
		return 0
	}
	return resident(a.region[:a.size.Load()])
}

// word is a 32-bit word of guest memory, which the guest may be using at this very moment.
func (a *arena) word(address uint32) (*uint32, error) {
	if address%4 != 0 || int64(address)+4 > a.size.Load() {
		return nil, fmt.Errorf("address %#x is no word of guest memory", address)
	}
	return (*uint32)(unsafe.Pointer(&a.region[address])), nil //nolint:gosec // aligned and inside, as just checked
}

// guestOrder turns a number into the word that a little-endian guest reads as that number, and back.
func guestOrder(v uint32) uint32 {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], v)
	return binary.NativeEndian.Uint32(b[:])
}

// flags are the words by which a guest is interrupted: two are set to one, and mask is added to the third.
type flags struct {
	set  [2]*uint32
	or   *uint32
	mask uint32
}

func (a *arena) flags(where [4]uint32) (flags, error) {
	var f flags
	for i, target := range []**uint32{&f.set[0], &f.set[1], &f.or} {
		word, err := a.word(where[i])
		if err != nil {
			return flags{}, fmt.Errorf("find the interrupt flags: %w", err)
		}
		*target = word
	}
	f.mask = guestOrder(where[3])
	return f, nil
}

// raise interrupts the guest.
func (f flags) raise() {
	for _, word := range f.set {
		atomic.StoreUint32(word, guestOrder(1))
	}
	atomic.OrUint32(f.or, f.mask)
}

// raised says whether an interrupt waits to be seen by the guest.
func (f flags) raised() bool {
	return atomic.LoadUint32(f.set[0]) != 0 || atomic.LoadUint32(f.or)&f.mask != 0
}

// image is the memory of a kernel that has just started, from which instances begin.
type image interface {
	size() int
	// lay makes the front of an arena, which has not been touched yet, equal to the image.
	lay(a *arena) error
	close() error
}

// copiedImage is laid by copying what is not zero.
type copiedImage struct {
	length int
	pieces []piece
}

type piece struct {
	at   int
	data []byte
}

// newCopiedImage takes memory apart into its pages that hold something.
func newCopiedImage(memory []byte) *copiedImage {
	empty := make([]byte, hostPage)
	im := &copiedImage{length: len(memory)}
	last := -1 // end of the last piece
	for at := 0; at < len(memory); at += hostPage {
		page := memory[at : at+hostPage]
		if bytes.Equal(page, empty) {
			continue
		}
		if at != last {
			im.pieces = append(im.pieces, piece{at: at})
		}
		p := &im.pieces[len(im.pieces)-1]
		p.data = append(p.data, page...)
		last = at + hostPage
	}
	for i := range im.pieces { // growing has left room at the ends
		im.pieces[i].data = bytes.Clone(im.pieces[i].data)
	}
	return im
}

func (im *copiedImage) size() int { return im.length }

func (im *copiedImage) lay(a *arena) error {
	for _, p := range im.pieces {
		copy(a.region[p.at:], p.data)
	}
	return nil
}

func (im *copiedImage) close() error {
	im.pieces = nil
	return nil
}
