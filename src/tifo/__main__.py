from tifo.cli import main

main()
