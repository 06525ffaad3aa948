package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/redis/go-redis/v9"
)

const fillBatch = 1_000

// fill keeps leases, one for each line of `account session until since kind event device`: in a Redis, or
// in this process's memory, and then it prints the bytes that they take there.
func fill(where string, lines io.Reader) error {
	if where == "memory" {
		return fillMemory(lines)
	}
	sessions, err := OpenRedisSessions(where, 0)
	if err != nil {
		return err
	}
	return sessions.fill(context.Background(), lines)
}

func (s *RedisSessions) fill(ctx context.Context, lines io.Reader) error {
	if err := s.beat.Load(ctx, s.client).Err(); err != nil {
		return err
	}
	pipe, now := s.client.Pipeline(), time.Now().Unix()
	err := eachLease(lines, func(lease Lease) error {
		s.beat.EvalSha(ctx, pipe, accountKey(lease.Account), lease.Session, lease.packed(), lease.Until.Unix()-now)
		if pipe.Len() < fillBatch {
			return nil
		}
		return sent(ctx, pipe)
	})
	if err != nil || pipe.Len() == 0 {
		return err
	}
	return sent(ctx, pipe)
}

func sent(ctx context.Context, pipe redis.Pipeliner) error {
	_, err := pipe.Exec(ctx)
	return err
}

func fillMemory(lines io.Reader) error {
	sessions, before, now := NewSessions(), heapBytes(), time.Now()
	err := eachLease(lines, func(lease Lease) error {
		sessions.renew(lease, now)
		return nil
	})
	fmt.Println(heapBytes() - before)
	runtime.KeepAlive(sessions)
	return err
}

func eachLease(lines io.Reader, do func(Lease) error) error {
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		var lease Lease
		var until, since int64
		_, err := fmt.Sscan(scanner.Text(),
			&lease.Account, &lease.Session, &until, &since, &lease.Kind, &lease.Event, &lease.Device)
		if err != nil {
			return err
		}
		lease.Until, lease.Since = time.Unix(until, 0), time.Unix(since, 0)
		if err := do(lease); err != nil {
			return err
		}
	}
	return nil
}

func heapBytes() int64 {
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	return int64(memory.HeapAlloc)
}
