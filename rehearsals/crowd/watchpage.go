package main

import "regexp"

var steeringURI = regexp.MustCompile(`SERVER-URI="([^"]+)"`)

// watchPage is the player of sessions: the playlist, and the steering manifest at its lifetime.
type watchPage struct {
	viewer   *viewer
	steering steered
}

func newWatchPage(v *viewer) player { return &watchPage{viewer: v, steering: steered{viewer: v}} }

func (p *watchPage) begin(at playback) {
	if p.viewer.plan.leavesOut("playlist") {
		return
	}
	list := p.viewer.document("playlist", at.HLS)
	if found := steeringURI.FindSubmatch(list.body); found != nil && !p.viewer.plan.leavesOut("steering") {
		p.steering.from(string(found[1]))
	}
}

func (p *watchPage) dueS() float64 { return p.steering.dueS() }

func (p *watchPage) ask(float64) { p.steering.ask("") }
