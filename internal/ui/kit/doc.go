// Package kit is the set of widgets the window is built from: texts, cards, pills, rings, buttons, fields, tables, code. It has no
// words of the product and starts nothing; whoever uses it puts texts in and is told of taps.
//
// All of it belongs to the UI goroutine. A widget is made once and then changed by its setters, which compare before they repaint,
// because every change repaints the whole window. Colours are kept as names and read again whenever a widget is refreshed, so that
// a change of theme reaches all of them.
package kit
