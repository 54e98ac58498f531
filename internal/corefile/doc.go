// Package corefile keeps secrets out of what a crash leaves: every program that may have one in its memory or its environment calls
// it first. It is apart from those that know what a secret is, so that the smallest program can have it.
package corefile
