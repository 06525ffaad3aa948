// Command heartbeat is the peer that Tifo's benchmarks compare with: a plain net/http service that
// answers a viewer's arrival, heartbeats and end with the same work and the same bytes as Tifo's services.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"os"
	"time"
)

// Config is what the benchmark's runner writes down for this process.
type Config struct {
	Listen          string          `json:"listen"`
	PublicURL       string          `json:"public_url"`
	EventLog        string          `json:"event_log"`
	Event           CalendarEvent   `json:"event"`
	PlaybackKeys    KeySet          `json:"playback_keys"`
	AccessKeys      KeySet          `json:"access_keys"`
	Pathways        []PathwayConfig `json:"pathways"`
	Renditions      []Rendition     `json:"renditions"`
	HeartbeatS      int64           `json:"heartbeat_s"`
	LeaseS          int64           `json:"lease_s"`
	TokenTTLS       int64           `json:"token_ttl_s"`
	AccessTokenTTLS int64           `json:"access_token_ttl_s"`
	AddressTTLS     int64           `json:"address_ttl_s"`
	StreamLimit     int             `json:"stream_limit"`
	HeartbeatEarly  float64         `json:"heartbeat_early_percent"`
	Redis           string          `json:"redis"`
}

func main() {
	path := flag.String("config", "", "the JSON file to read the configuration from")
	where := flag.String("fill", "", "a Redis, or memory: take leases from standard input into it, and nothing else")
	flag.Parse()
	if *where != "" {
		if err := fill(*where, os.Stdin); err != nil {
			log.Fatal(err)
		}
		return
	}
	config, err := readConfig(*path)
	if err != nil {
		log.Fatal(err)
	}
	leases, err := openLeases(config)
	if err != nil {
		log.Fatal(err)
	}
	api, err := NewAPI(config, leases)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr:              config.Listen,
		Handler:           api.Routes(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	log.Fatal(server.ListenAndServe())
}

// openLeases keeps them in Redis if the configuration names one, and in this process if not.
func openLeases(config Config) (Leases, error) {
	if config.Redis != "" {
		return OpenRedisSessions(config.Redis, time.Duration(config.TokenTTLS)*time.Second)
	}
	sessions := NewSessions()
	go sessions.Sweep(time.Second)
	return sessions, nil
}

func readConfig(path string) (Config, error) {
	var config Config
	raw, err := os.ReadFile(path)
	if err != nil {
		return config, err
	}
	return config, json.Unmarshal(raw, &config)
}
