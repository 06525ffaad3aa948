package main

import (
	"container/heap"
	"context"
	"sort"
	"sync"
	"time"
)

// Lease is a session's slot until a time.
type Lease struct {
	Session, Account, Event, Device, Kind string
	Since, Until                          time.Time
}

// Leases is where sessions hold their slots. Everything is safe for many callers at once.
type Leases interface {
	// Start takes a slot of the account, or the one that the same device has for the event already:
	// the lease, the account's slots in use, and whether there was room.
	Start(ctx context.Context, wanted Lease, limit int, now time.Time) (Lease, int, bool, error)
	// Beat keeps a session; due says that half of the lease its token knows of has passed. The answer
	// is the code of a session that was ended, or an empty text.
	Beat(ctx context.Context, lease Lease, due bool, now time.Time) (string, error)
	// Revoked returns the code of a session that was ended, or an empty text.
	Revoked(ctx context.Context, account, session string) (string, error)
	// End frees the slot and remembers that the session ended.
	End(ctx context.Context, account, session string) error
}

// Sessions is the lease table in this process, with the sessions that ended or were revoked.
type Sessions struct {
	mu        sync.RWMutex
	leases    map[string]Lease
	byAccount map[string]map[string]struct{}
	revoked   map[string]string
	lapsing   lapses
}

// NewSessions returns an empty table.
func NewSessions() *Sessions {
	return &Sessions{
		leases:    map[string]Lease{},
		byAccount: map[string]map[string]struct{}{},
		revoked:   map[string]string{},
	}
}

// Revoked looks at the table.
func (s *Sessions) Revoked(_ context.Context, _, session string) (string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.revoked[session], nil
}

// Start decides under the lock.
func (s *Sessions) Start(_ context.Context, wanted Lease, limit int, now time.Time) (Lease, int, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := s.running(wanted.Account, now)
	for _, own := range running {
		if own.Device == wanted.Device && own.Event == wanted.Event {
			own.Until = wanted.Until
			s.put(own)
			return own, len(running), true, nil
		}
	}
	if len(running) >= limit {
		return Lease{}, len(running), false, nil
	}
	s.put(wanted)
	return wanted, len(running) + 1, true, nil
}

// Beat writes only what is due.
func (s *Sessions) Beat(ctx context.Context, lease Lease, due bool, now time.Time) (string, error) {
	if code, _ := s.Revoked(ctx, lease.Account, lease.Session); code != "" || !due {
		return code, nil
	}
	s.renew(lease, now)
	return "", nil
}

// End frees the slot; what has ended stays ended while this process lives.
func (s *Sessions) End(_ context.Context, _, session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[session] = "ended"
	if lease, found := s.leases[session]; found {
		s.remove(lease)
	}
	return nil
}

// renew extends a lease, or adopts a session from its token.
func (s *Sessions) renew(lease Lease, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, found := s.leases[lease.Session]
	if found && known.Until.After(now) {
		if lease.Until.After(known.Until) {
			known.Until = lease.Until
		}
		lease = known
	}
	s.put(lease)
}

// Sweep removes lapsed leases, for ever.
func (s *Sessions) Sweep(every time.Duration) {
	for now := range time.Tick(every) {
		s.expire(now)
	}
}

func (s *Sessions) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.lapsing) > 0 && !s.lapsing[0].at.After(now) {
		one := heap.Pop(&s.lapsing).(lapse)
		lease, found := s.leases[one.session]
		switch {
		case !found:
		case lease.Until.After(now):
			heap.Push(&s.lapsing, lapse{lease.Until, one.session})
		default:
			s.remove(lease)
		}
	}
}

func (s *Sessions) running(account string, now time.Time) []Lease {
	var running []Lease
	for session := range s.byAccount[account] {
		if lease := s.leases[session]; lease.Until.After(now) {
			running = append(running, lease)
		}
	}
	sort.Slice(running, func(i, j int) bool { return running[i].Since.Before(running[j].Since) })
	return running
}

func (s *Sessions) put(lease Lease) {
	if _, found := s.leases[lease.Session]; !found {
		if s.byAccount[lease.Account] == nil {
			s.byAccount[lease.Account] = map[string]struct{}{}
		}
		s.byAccount[lease.Account][lease.Session] = struct{}{}
		heap.Push(&s.lapsing, lapse{lease.Until, lease.Session})
	}
	s.leases[lease.Session] = lease
}

func (s *Sessions) remove(lease Lease) {
	delete(s.leases, lease.Session)
	delete(s.byAccount[lease.Account], lease.Session)
	if len(s.byAccount[lease.Account]) == 0 {
		delete(s.byAccount, lease.Account)
	}
}

// lapse is when a session's lease ended as far as was known when it was put; lapses is a heap of them.
type lapse struct {
	at      time.Time
	session string
}

type lapses []lapse

func (l lapses) Len() int           { return len(l) }
func (l lapses) Less(i, j int) bool { return l[i].at.Before(l[j].at) }
func (l lapses) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *lapses) Push(x any)        { *l = append(*l, x.(lapse)) }
func (l *lapses) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}
