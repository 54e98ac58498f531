//go:build !conformance

package mcpserver

// addFixture adds nothing: what the public conformance suites call is only in programs built with the tag conformance.
func (s *Server) addFixture() {}
