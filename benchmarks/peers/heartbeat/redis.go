package main

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// redisConnections is what 64 requests at once need at the most; 10 or 16 were no faster.
	redisConnections = 64
	redisWait        = 500 * time.Millisecond
)

var (
	//go:embed start.lua
	startScript string
	//go:embed beat.lua
	beatScript string
	//go:embed end.lua
	endScript string
)

// RedisSessions keeps leases in Redis and asks it at every request: a hash for each account, a field for
// each session. Every step is one atomic script on the account's key, in one round trip.
type RedisSessions struct {
	client           *redis.Client
	start, beat, end *redis.Script
	tokenTTL         time.Duration
}

// OpenRedisSessions reads a URL such as redis://127.0.0.1:6379 and keeps connections open to it.
func OpenRedisSessions(url string, tokenTTL time.Duration) (*RedisSessions, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	options.Protocol = 2
	options.PoolSize = redisConnections
	options.ReadTimeout, options.WriteTimeout = redisWait, redisWait
	return &RedisSessions{
		redis.NewClient(options),
		redis.NewScript(startScript), redis.NewScript(beatScript), redis.NewScript(endScript),
		tokenTTL,
	}, nil
}

// Start decides in the script.
func (s *RedisSessions) Start(ctx context.Context, wanted Lease, limit int, now time.Time) (Lease, int, bool, error) {
	found, err := s.start.Run(ctx, s.client, accountKey(wanted.Account),
		wanted.Session, wanted.packed(), wanted.Event+"|"+wanted.Device, limit, now.Unix(),
		wanted.Until.Unix()).Slice()
	if err != nil {
		return Lease{}, 0, false, err
	}
	session, _ := found[0].(string)
	since, _ := found[1].(int64)
	used, _ := found[2].(int64)
	if session != wanted.Session {
		wanted.Session, wanted.Since = session, time.Unix(since, 0)
	}
	return wanted, int(used), session != "", nil
}

// Beat renews the lease in Redis at every heartbeat, unless the session was ended.
func (s *RedisSessions) Beat(ctx context.Context, lease Lease, _ bool, now time.Time) (string, error) {
	return s.beat.Run(ctx, s.client, accountKey(lease.Account),
		lease.Session, lease.packed(), lease.Until.Unix()-now.Unix()).Text()
}

// Revoked reads the session's field.
func (s *RedisSessions) Revoked(ctx context.Context, account, session string) (string, error) {
	kept, err := s.client.HGet(ctx, "a:"+account, session).Result()
	if err == redis.Nil {
		return "", nil
	}
	code, _ := strings.CutPrefix(kept, "!")
	if code == kept {
		code = ""
	}
	return code, err
}

// End leaves a mark for as long as the session's token is valid.
func (s *RedisSessions) End(ctx context.Context, account, session string) error {
	return s.end.Run(ctx, s.client, accountKey(account), session, int64(s.tokenTTL.Seconds())).Err()
}

func accountKey(account string) []string { return []string{"a:" + account} }

// packed is the lease as it is kept: `until|since|kind|event|device`.
func (l Lease) packed() string {
	return fmt.Sprintf("%d|%d|%s|%s|%s", l.Until.Unix(), l.Since.Unix(), l.Kind, l.Event, l.Device)
}
