// Package queue is the protocol between orchestrators, stones and the status
// recorder: subjects, streams, consumers, the messages, and a publisher and
// readers that keep its promises. PROTOCOL.md tells the same to authors of
// stones in other languages.
//
// It depends on nothing of Riverstones but [task]. The stone SDK, the gateway
// and the recorder call it; it starts nothing by itself.
package queue
