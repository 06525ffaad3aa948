package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"log"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	eventsWaitingMax = 20_000
	flushEvery       = 50 * time.Millisecond
	gatherEvery      = time.Second
	renewalsPerEvent = 1_000
)

// SessionEvent is what the log keeps of a start, or of the renewals of the last second.
type SessionEvent struct {
	ID      string  `json:"id"`
	Type    string  `json:"type"`
	At      float64 `json:"at"`
	Session string  `json:"session,omitempty"`
	Event   string  `json:"event,omitempty"`
	Account string  `json:"account,omitempty"`
	Device  string  `json:"device,omitempty"`
	Kind    string  `json:"device_kind,omitempty"`

	Sessions []string `json:"sessions,omitempty"`
}

// EventLog appends events to a file in the background, one write and one sync for many.
type EventLog struct {
	waiting chan SessionEvent

	mutex   sync.Mutex
	renewed []string
}

// OpenEventLog opens the file and begins to write.
func OpenEventLog(path string) (*EventLog, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	events := &EventLog{waiting: make(chan SessionEvent, eventsWaitingMax)}
	go events.write(file)
	go events.gather()
	return events, nil
}

// Tell has the event written soon and never waits; when too many wait, it is dropped.
func (l *EventLog) Tell(event SessionEvent) {
	select {
	case l.waiting <- event:
	default:
	}
}

// Renewed has a renewal told with the others of its second.
func (l *EventLog) Renewed(session string) {
	l.mutex.Lock()
	l.renewed = append(l.renewed, session)
	l.mutex.Unlock()
}

func (l *EventLog) gather() {
	for now := range time.Tick(gatherEvery) {
		l.mutex.Lock()
		renewed := l.renewed
		l.renewed = nil
		l.mutex.Unlock()
		for batch := range slices.Chunk(renewed, renewalsPerEvent) {
			l.Tell(SessionEvent{ID: newID("evt"), Type: "sessions.renewed", At: epoch(now), Sessions: batch})
		}
	}
}

func (l *EventLog) write(file *os.File) {
	out := bufio.NewWriterSize(file, 64*1024)
	encode := json.NewEncoder(out)
	tick := time.NewTicker(flushEvery)
	unwritten := 0
	for {
		var err error
		select {
		case event := <-l.waiting:
			unwritten++
			err = encode.Encode(event)
		case <-tick.C:
			if unwritten > 0 {
				err = errors.Join(out.Flush(), file.Sync())
				unwritten = 0
			}
		}
		if err != nil {
			log.Print("events: ", err)
		}
	}
}
