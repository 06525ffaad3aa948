package main

import "math"

// steeringS is what players wait until a steering manifest has told them its lifetime.
const steeringS = 300.0

type manifest struct {
	TTL      float64  `json:"TTL"`
	Reload   string   `json:"RELOAD-URI"`
	Priority []string `json:"PATHWAY-PRIORITY"`
}

// steered asks for a steering manifest at once, and then whenever its lifetime is over; after a failure, the
// last one's.
type steered struct {
	viewer *viewer
	url    string
	due    float64
	ttl    float64
}

func (s *steered) from(url string) { s.url, s.due, s.ttl = url, s.viewer.now(), steeringS }

func (s *steered) dueS() float64 {
	if s.url == "" {
		return math.Inf(1)
	}
	return s.due
}

// ask sends `query` along, what the player reports of itself; nil is an answer without a manifest.
func (s *steered) ask(query string) *manifest {
	got := s.viewer.document("steering", s.url+query)
	said := manifest{TTL: steeringS}
	defer func() { s.due = s.viewer.now() + s.ttl }()
	if got.status != 200 || !s.viewer.read(got, &said) {
		return nil
	}
	s.ttl = math.Max(said.TTL, 1)
	if said.Reload != "" {
		s.url = said.Reload
	}
	return &said
}
